/** All that a driver of the class `builder` promises. */
import { imagePromises } from './builder-images.ts'
import { stepPromises } from './builder-steps.ts'
import type { BuilderPromises } from './builder-under-test.ts'

export const builderPromises: BuilderPromises = { ...imagePromises, ...stepPromises }
