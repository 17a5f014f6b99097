"""Settings for all tests."""

from hypothesis import settings

# A property is about values, not about how busy the machine is.
settings.register_profile("wherry", deadline=None)
settings.load_profile("wherry")
