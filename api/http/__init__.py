"""What every route needs of HTTP: requests, problems, and answers that wait or stream."""
