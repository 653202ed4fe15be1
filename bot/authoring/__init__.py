"""What people write, read from the workspace; imports nothing, so that who needs one reader loads that reader alone."""

#: The workspace's own settings, a path inside it.
SETTINGS = "playbooks/workspace.yml"
