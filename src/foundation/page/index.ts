export type { Position } from './keyset.ts';
export { afterPosition, positionOf } from './keyset.ts';
export type { Order, SortField, SortFields, SortKey, SortType } from './order.ts';
export { OrderByError, orderBySql, orderText, parseOrderBy, positionSql } from './order.ts';
export type { Page } from './size.ts';
export { cutPage, DEFAULT_PAGE_SIZE, MAX_PAGE_BYTES, MAX_PAGE_SIZE, pageSize } from './size.ts';
export type { PageBinding } from './token.ts';
export { argumentsHash, decodePageToken, encodePageToken, PageTokenError } from './token.ts';
