"""A Google Drive that is as strict as the real one where strictness matters."""
