export { type Constructor, inject, injectable } from './decorators.ts'
export { type ClassProvider, type DiOptions, di, resolve } from './plugin.ts'
