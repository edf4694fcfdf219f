"""The script that Streamlit runs at every click.

In a folder of its own: Streamlit takes a folder `pages` beside its script for pages of another kind.
"""

from apps.studio import app

app.main()
