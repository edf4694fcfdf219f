"""What a recipe is: its fields, how they are changed, and what training arguments mean."""
