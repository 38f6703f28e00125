"""Finding Documents for a question (`search`) and putting them in the order people found helpful (`rank`)."""
