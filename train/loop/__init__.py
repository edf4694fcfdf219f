"""The training loop: epochs, steps, schedules, validation, several processes, teachers."""
