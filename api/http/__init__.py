"""HTTP parts shared by all routes: requests, problems, and answers that wait or stream."""
