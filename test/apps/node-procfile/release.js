console.log('release task ran once')
