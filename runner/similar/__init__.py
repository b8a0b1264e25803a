"""Find by example: what is most like an image, and which images clusterings keep putting with it."""
