"""The program as a process: started, watched, ended for certain."""
