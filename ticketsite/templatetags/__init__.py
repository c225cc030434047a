"""What our templates can say that Django's cannot."""
