export { type SseOptions, sse } from './plugin.ts'
