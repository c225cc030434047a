"""What the Locust process runs. Django never imports this; this never imports Django."""
