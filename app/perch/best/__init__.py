"""The winner's models, the runners-up, and the structures that they predict worst."""
