"""Letters to buyers: written from templates, with QR codes and a PDF, and sent by SMTP."""
