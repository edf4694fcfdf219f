"""What Streamlit runs. In a folder of its own: Streamlit takes a folder `pages` beside its script
for pages of the old kind.
"""

from apps.studio import app

app.main()
