console.error('migration 12: table "posts" is missing')
process.exit(4)
