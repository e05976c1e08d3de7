console.log('waiting for something that never comes')
setInterval(() => {}, 1000)
