"""`boxoffice rush`: many buyers for few seats, on a running stack."""
