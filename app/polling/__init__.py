"""What webhooks lost: stores are asked what changed, and whether their webhooks still come."""
