"""What runs connect to: the ledger, artifact storage, forges, the model. Settings in, live objects out."""

from resources.artifacts import ArtifactS3, ArtifactStorage
from resources.forges import Forges
from resources.lease import TaskLease
from resources.ledger import Ledger
from resources.publication import PublisherProcess
from resources.reviewer import ReviewModel

__all__ = ["ArtifactS3", "ArtifactStorage", "Forges", "Ledger", "PublisherProcess", "ReviewModel", "TaskLease"]
