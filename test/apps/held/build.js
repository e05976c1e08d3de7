require('./hold.js')('build')
