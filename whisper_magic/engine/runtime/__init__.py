"""What stays resident, and who computes a pass: slots, backends, the model runner."""
