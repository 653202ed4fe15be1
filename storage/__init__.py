"""The bottom of the house: tables and the queries about them. Imports nothing of bot."""
