"""What a question asks for, and questions to suggest."""
