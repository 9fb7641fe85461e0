/** The form of every log line, in the command and in an embedded balancer: level by name, time in ISO 8601. */
import { pino, type LoggerOptions } from 'pino';

export const LOG_FORM: LoggerOptions = {
  name: 'steelyard',
  base: undefined,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
};
