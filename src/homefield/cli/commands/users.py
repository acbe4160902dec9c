"""`homefield users`: people by name, and their role in each application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homefield.cli.command import Group, argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import Name

if TYPE_CHECKING:
    from homefield.store.users import User

__all__ = ["users"]

users = Group("users")


@command("add")
@argument("name", key="user_name", type=Name(), metavar="NAME")
@argument("role", key="user_role", type=Name(), metavar="ROLE")
@option("--application", key="user_application", type=Name(), metavar="NAME", default="*")
def add(face: Face, name: str, role: str, application: str) -> Outcome:
    """Keep a new user with a role."""
    from homefield.operate.access import add_user
    from homefield.store import open_store
    from homefield.workspace import local_user

    with open_store(face.workspace) as store:
        made = add_user(store, name, role, application=application, by=local_user())
    step = f'homefield keys create "{name}" --user "{name}" --scope read'
    return _one(made, face, face.say("users.added", name=name), [step])


@command("list")
def list_(face: Face) -> Outcome:
    """Every user with roles."""
    from homefield.store import open_store
    from homefield.store import users as rows

    with open_store(face.workspace) as store, store.read() as transaction:
        known = rows.all_users(transaction)
    say = face.say
    headings = [say("users.name"), say("users.roles"), say("users.since")]
    return Outcome(
        document={"users": [vars(user) for user in known]},
        title=say("users.title", count=len(known)) if known else say("users.none"),
        tables=[Table(headings, [[user.name, _roles(user, face), str(user.made_at)[:16]] for user in known])]
        if known
        else [],
        next_steps=[] if known else ["homefield users add NAME operator"],
    )


@command("role")
@argument("name", key="user_name", type=Name(), metavar="NAME")
@argument("role", key="user_new_role", type=Name(), metavar="ROLE|none")
@option("--application", key="user_application", type=Name(), metavar="NAME", default="*")
def role(face: Face, name: str, role: str, application: str) -> Outcome:
    """Give a user another role, or take one away."""
    from homefield.operate.access import set_role, take_role
    from homefield.store import open_store
    from homefield.workspace import local_user

    with open_store(face.workspace) as store:
        if role == "none":
            changed = take_role(store, name, application=application, by=local_user())
        else:
            changed = set_role(store, name, role, application=application, by=local_user())
    return _one(changed, face, face.say("users.changed", name=name))


@command("remove")
@argument("name", key="user_name", type=Name(), metavar="NAME")
def remove(face: Face, name: str) -> Outcome:
    """Remove a user with every key."""
    from homefield.operate.access import remove_user
    from homefield.store import open_store
    from homefield.workspace import local_user

    with open_store(face.workspace) as store:
        ended = remove_user(store, name, by=local_user())
    return Outcome(document={"name": name, "keys": ended}, title=face.say("users.removed", name=name, count=ended))


def _one(user: User, face: Face, title: str, next_steps: list[str] | None = None) -> Outcome:
    facts = [(face.say("users.roles"), _roles(user, face) or face.say("users.no_role"))]
    return Outcome(document={"user": vars(user)}, title=title, facts=facts, next_steps=next_steps or [])


def _roles(user: User, face: Face) -> str:
    everywhere = face.say("users.everywhere")
    return ", ".join(f"{role} ({everywhere if place == '*' else place})" for place, role in user.roles.items())


for each in (add, list_, role, remove):
    users.add_command(each)
