import { DurableObject } from 'cloudflare:workers'

export class JobRunner extends DurableObject {}
