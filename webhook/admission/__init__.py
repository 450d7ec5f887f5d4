"""AdmissionReview bytes in, AdmissionReview bytes out (pure)."""
