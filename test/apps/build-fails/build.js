console.log('reading templates')
console.error('templates/page.html: a tag is not closed')
process.exit(3)
