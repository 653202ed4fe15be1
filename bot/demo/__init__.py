"""The demo: an invented company, its customers and 120 days of their life, walked by the real pipeline on a simulated
clock. It only feeds files in and reads tables; it decides nothing about journeys."""
