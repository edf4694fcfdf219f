"""What Streamlit runs. It stands in a folder of its own, because Streamlit takes a folder `pages` beside its script for pages of the old kind."""

from apps.studio import app

app.main()
