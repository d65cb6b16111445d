"""What several test modules share besides fixtures."""
