"""What each tab of the page does with a visitor's input."""
