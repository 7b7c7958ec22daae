"""The Python form of Perch: ``perch.Study``, ``perch.run`` and ``perch.Run``. Every example is executed by the tests."""
