"""Studies with truth for `deepspine evaluate`, and what the network costs. Formats: docs/evaluation.md."""
