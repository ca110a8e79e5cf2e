import { createServer } from 'node:http'
import { expressRoutes } from '../routes.mjs'
import { listen, serve } from '../serve.mjs'

serve(() => listen(createServer(expressRoutes())))
