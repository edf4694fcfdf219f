"""What stands between visitors and Gradio: which requests are answered, and for how long."""
