"""Google Drive as the mirror."""
