console.log('the build sleeps')
setTimeout(() => {}, 120_000)
