"""The tracking API: Segment's calls become contacts, customers and events. Pure reading first, then one transaction a round."""
