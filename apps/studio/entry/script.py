"""The script that Streamlit runs at every click.

In a folder of its own: Streamlit reads a folder `pages` beside its script in another way.
"""

from apps.studio import app

app.main()
