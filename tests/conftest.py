"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# Deadlines are timed assertions, and the machines that run these tests are shared.
settings.register_profile("edensim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("edensim")
