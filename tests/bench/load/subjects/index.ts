import { openL1, openL1x, openL64 } from '../../competitors/hand-written.ts';
import type { OpenSubject } from '../subject.ts';
import { openCreateTicket } from './create-ticket.ts';
import { openEmptyCall } from './empty-call.ts';

/** Everything that a load process can drive, by name: the only list. */
export const subjects: Readonly<Record<string, OpenSubject>> = {
  'create-ticket': openCreateTicket,
  'empty-call': openEmptyCall,
  l1: openL1,
  l1x: openL1x,
  l64: openL64,
};
