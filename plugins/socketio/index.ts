export { type SocketIoOptions, socketio } from './plugin.ts'
