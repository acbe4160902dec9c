"""What people type instead of what they mean: keys side by side, Chinese characters of one sound.

The sound groups hold characters that pinyin input methods offer for the same letters, chosen among those that are
frequent in customers' messages; tones are not told apart, as people do not type them.
Characters that negate are in no group: an error must not turn a text into its opposite.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["HOMOPHONES", "NEIGHBOURS"]

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")

_SOUNDS = """
的地得 在再 做作坐 他她它 以已亿 那哪 是事试市式世室视 有又友右 和合河何 吗嘛妈 账帐 登灯等
录陆路露 退腿 定订 只支之知 值直 付副富负 还环 换唤 款宽 过国果 给各 到道倒 什甚 么末 怎增
样养 为位卫 时十石实 候后厚 快块 递第弟 货获祸 发法 地第 址纸止 单担 号好 收手首 买卖 费废
钱前 千签 用涌 户护互 银引 行形型 卡咖 密蜜 码马 改该 修休 取去 消效 销小 信心新 息吸
系西希 统同 客可科 服福 电店 话化画 请清情轻 问闻 题提 帮邦 我握 你拟 您宁 要药 想响 知支
查茶 询寻 看砍 见件建 订定 物务误 流留 更梗 已以 经京 完玩 成城程 功公工 失师 败拜 原元员
因音 开凯 通同 关官 闭毕必 绑帮 解姐 除处 申身深 请情 批皮 额鹅 度渡 利力立 率律 期其
逾于与 分份 合和 同童 提题 现线先 转赚 入如 存村 余鱼 贷代带 借接 花华 呗贝 信新 优由
惠会 券劝 积机基 会汇 员圆 等登 级极 颜言 尺吃 寸村 质制 量亮 坏怀 破坡 损笋 错措 漏露
寄记 运韵 包宝 裹果 签千 派牌 送松 达大 明名 天田 今金 昨作 晚完 早找 上伤 下夏 午五
周州 月越 年念 日入 股古鼓 票飘 涨长张 跌碟 卖迈 多夺 空恐 高搞 低底 好号 新心 闻文 报抱
告高 公工 司思 业页 绩积 增曾 减简 持池 资自 投头 基机 金今
"""


def _neighbours() -> dict[str, str]:
    near: dict[str, str] = {}
    for row, keys in enumerate(_ROWS):
        for place, key in enumerate(keys):
            beside = keys[max(0, place - 1) : place] + keys[place + 1 : place + 2]
            # Rows are shifted by half a key: above lie the same place and the next, below the one before and the same.
            above = _ROWS[row - 1][place : place + 2] if row else ""
            below = _ROWS[row + 1][max(0, place - 1) : place + 1] if row + 1 < len(_ROWS) else ""
            near[key] = beside + above + below
    return near


def _homophones() -> dict[str, str]:
    groups: dict[str, set[str]] = {}
    for group in _SOUNDS.split():
        for character in group:
            groups.setdefault(character, set()).update(set(group) - {character})
    return {character: "".join(sorted(others)) for character, others in groups.items() if others}


NEIGHBOURS: Mapping[str, str] = _neighbours()
HOMOPHONES: Mapping[str, str] = _homophones()
