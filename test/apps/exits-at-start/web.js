console.error('settings.json: SECRET_KEY_BASE is missing')
process.exit(37)
