"""What is sent of a result: one file or folder for each way of writing it."""
