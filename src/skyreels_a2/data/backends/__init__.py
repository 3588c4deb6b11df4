"""What finds, describes and compares elements, behind protocols: without downloads, or learned."""
